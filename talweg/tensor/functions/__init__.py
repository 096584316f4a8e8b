"""The public functions, by family. `talweg.NAME` is each of them; most are methods of Tensor too (`methods.py`)."""
