"""The command `linkarooie`, and beside it the code that is generated from the contracts in `protos/`."""

__version__ = "0.1.0"
