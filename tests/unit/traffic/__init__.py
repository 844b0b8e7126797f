"""Tests of the traffic providers."""
