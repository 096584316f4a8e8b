"""Random graphs, compiled and interpreted: programs are drawn from seeds, run both ways on several sets of data, and
compared; what differs is shrunk to a few Python lines.

    PYTHONPATH=.:tests python -m fuzzing --minutes 10        (or `make fuzz`)
    PYTHONPATH=.:tests python -m fuzzing --seed 1234         one program again

And single calls: every sample at sizes around those of vectors and tiles, in all layouts, against PyTorch.

    PYTHONPATH=.:tests python -m fuzzing --calls --minutes 10
    PYTHONPATH=.:tests python -m fuzzing --calls --seed 1234
"""
