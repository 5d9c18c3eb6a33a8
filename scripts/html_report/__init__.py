"""One HTML file that shows results sets side by side: report.html of plot.py --format html.

cells: rows joined and compared. verdict, cautions, provenance: what they say, in words. data: what
the page draws from. page: all of it in one file. parts/: the page's own text, looks and scripts.
"""
