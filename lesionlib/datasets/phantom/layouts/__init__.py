"""One module a dataset: it writes a phantom in the layout that the dataset's own reader reads."""
