"""One session.

Who the peer is, numbers, gaps, heartbeats, logon to logout. Pure: a state and an input in, the next state and actions
out.
"""
