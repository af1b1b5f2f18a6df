"""Tensors only: hierarchical attention and the parts of readers. Knows no datasets and no files.

`Ham` works without the rest of the package: `from ham_mrc.layers import Ham`.
"""

from ham_mrc.layers.ham import Ham

__all__ = ["Ham"]
