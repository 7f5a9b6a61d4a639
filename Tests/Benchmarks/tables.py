"""Statistics that survive a noisy machine, and tables that can be read as text or as Markdown."""

import statistics


def spread(values, digits=2):
    """The median, and the smallest and largest value behind it."""
    if not values:
        return "-"
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def ratios(ours, theirs):
    """Our value over theirs for each round: both were measured seconds apart, so what else the machine did
    weighs on both."""
    return [our / their for our, their in zip(ours, theirs) if their]


def show(title, headings, rows):
    """Prints a table; a row is as long as the headings."""
    cells = [headings] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    print(f"\n### {title}\n")
    for number, row in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(flush=True)
