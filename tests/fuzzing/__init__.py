"""Random graphs, compiled and interpreted: programs are drawn from seeds, run both ways on several sets of data, and
compared; what differs is shrunk to a few Python lines.

    PYTHONPATH=.:tests python -m fuzzing --minutes 10        (or `make fuzz`)
    PYTHONPATH=.:tests python -m fuzzing --seed 1234         one program again
"""
