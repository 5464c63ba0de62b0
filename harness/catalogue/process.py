"""Area PROCESS: what a package leaves behind in the process that imports and calls it."""

from ..values.requirement import Profile, Requirement

_ALL: tuple[Profile, ...] = ("mask", "structural")

REQUIREMENTS = (
    Requirement(
        id="PROCESS-01", level="core", since=4, profiles=_ALL,
        source="pytorch _experimental/data_sparsifier: warnings.simplefilter at import",
        sentence="Importing the package and its adapter leaves the process as it was: torch's and Python's settings, "
        "functions and hooks, the environment and the signal handlers.",
    ),
    Requirement(
        id="PROCESS-02", level="extended", since=4, profiles=_ALL,
        source="threading.enumerate; /proc/self/fd; tempfile; gc.get_objects; tracemalloc",
        sentence="Repeating attach, update, train, save and finalize leaves behind no threads, child processes, open "
        "files, temporary files, objects or memory.",
    ),
)
