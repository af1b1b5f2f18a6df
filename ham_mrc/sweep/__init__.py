"""Every run of a grid over readers, depths and seeds, and the paper's table from them. Only training imports torch."""
