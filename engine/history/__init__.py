"""Histories as files: another system's blotter, and what an engine saw. Read and written by people's tools alone."""
