"""Mutation testing of the judging code: each small fault put into it must turn a test red."""
