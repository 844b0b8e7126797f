"""Builders: one file per object that the operator makes."""
