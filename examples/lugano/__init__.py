"""One real month of a charging network around Lugano, settled end to end."""
