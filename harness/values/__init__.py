"""The ground floor: frozen values that the rest passes around. No torch here."""
