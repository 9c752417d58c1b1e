"""Tests of the plans of sets."""
