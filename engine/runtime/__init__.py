"""The shell around the turn.

Inputs in, commits, effects out; connections, timers and what is read back from the journal.
"""
