"""Training of the default picture model of AITBC on procedurally drawn, captioned pictures."""
