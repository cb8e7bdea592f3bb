"""Sockets: ports listened on, sessions called, TLS, and who may connect at all."""
