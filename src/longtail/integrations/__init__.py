"""Integrations: longtail inside other frameworks. Each file imports the framework it is named after."""
