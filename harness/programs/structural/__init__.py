"""Programs of the structural profile: models that lose channels, beside a twin whose channels our own code removes."""
