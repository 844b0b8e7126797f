"""Simulations of the gates: how often they are wrong, and how soon they find harm."""
