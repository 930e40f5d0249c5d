"""The themes: one YAML file each, and their loader."""

from themaads_pipeline.themes.catalogue import load_catalogue

__all__ = ["load_catalogue"]
