"""Rendering of reports: terminal, Markdown, HTML, JUnit."""
