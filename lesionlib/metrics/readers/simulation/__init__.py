"""Simulated readers and studies: what a design can tell, if readers were as they are declared to be."""
