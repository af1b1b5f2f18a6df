"""The command line, and the only place that knows Typer: options in, one call, a result printed.

One command is one module and one function; what they share is in `options`, `output` and `progress`.
"""
