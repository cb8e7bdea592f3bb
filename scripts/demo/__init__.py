"""A day of orders on the paper market, worked by the real daemon, told order by order.

processes   the daemon and the paper market as child processes, and killing the former
orders      what the OMS and the trader send
trader      a scripted trader at the admin socket: sends, executes, retries, gives up
story       the tale of each order, and what must be true at the end
"""
