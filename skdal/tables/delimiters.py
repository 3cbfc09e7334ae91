"""What parts the values of a CSV file."""

from __future__ import annotations

_KNOWN = ",;\t"


def delimiter_of(header: str) -> str:
    r"""Return the delimiter of a CSV file by its header.

    Parameters
    ----------
    header : str
        The first line.

    Returns
    -------
    str
        Of comma, semicolon and tab the one that is there most often; comma for a single column.

    Examples
    --------
    >>> from skdal.tables.delimiters import delimiter_of
    >>> delimiter_of("row;label, in words;by"), delimiter_of("id\ttext"), delimiter_of("id")
    (';', '\t', ',')
    """
    return max(_KNOWN, key=header.count)
