"""Where columns, readers and metrics meet: batches, the loop, what a killed run needs to go on, prediction."""
