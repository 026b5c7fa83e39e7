"""Foreign usage formats, one module each: bytes and options in, records and a loss report out.

Every importer is pure and has one entrance, ``convert(data, options) -> Conversion``. It raises
``MalformedDocument`` or ``TooLarge`` when the file as a whole cannot be read; a row that cannot be
converted never stops the others, but stands in the report with what to mend.
"""
