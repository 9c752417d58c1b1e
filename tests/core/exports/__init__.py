"""Tests of handing images over."""
