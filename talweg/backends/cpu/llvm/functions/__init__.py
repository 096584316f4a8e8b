"""Elementary functions, one family a file; ../elementary.py is the way in."""
