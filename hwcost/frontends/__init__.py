"""The readers of files and modules: `from_onnx.from_onnx` and `from_torch.from_torch`.

Nothing is imported or exported here: this package is on the way to both readers, and the one must not load the other's library.
"""
