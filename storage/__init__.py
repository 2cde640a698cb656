"""What both programs keep: the catalogue (a database) and the objects (files). It knows neither program."""
