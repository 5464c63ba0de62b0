"""REG: how a sparsifier registers itself on a model, and how it takes itself off again."""
