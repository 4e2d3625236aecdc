"""The science: pure functions on labelled arrays."""
