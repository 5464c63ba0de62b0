"""Every conditional miniature, registered."""

from . import CONDITIONALS, Conditional, layers, life, modes, ranking

MEASURED = (
    "KeepsTies", "RanksConv1dSigned", "PrunesEachRowOfAnEmbedding", "RanksLargeLayersRoughly", "CountsTheThirdInVain",
    "LosesAFilter", "TruncatesTheLevel", "MakesGroupsOnce", "RemovesTheLayerOfANaN", "SqueezesOneOutput",
    "ReadsGivenMasksInMemoryOrder", "TakesAnyDimForInputs", "ScalesThePlan", "ReturnsEarly", "TakesFloatsAlone",
    "ClearsPreHooks", "FinalizesByPrefix", "ZeroesDeadBiases", "LeavesMasksBehind", "UnfreezesAtANewLevel",
    "PassesOverNone", "LeavesTheDefaultDtype", "PassesOverOtherLayers", "MixesRows", "TakesOneOutputForDepthwise",
)
"""Those that were planted before there were any programs, and that every requirement of then accepted."""

__all__ = ["CONDITIONALS", "MEASURED", "Conditional", "layers", "life", "modes", "ranking"]
