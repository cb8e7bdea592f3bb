"""From configuration to a running engine: the parts made, the journal taken over, ports and TLS opened."""
