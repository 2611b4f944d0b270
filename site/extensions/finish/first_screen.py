"""The first screen of a chapter: question, picture, the answer in short."""

from .page import Page


def show_picture(page: Page) -> None:
    """Put the fold of the first picture's code below the picture, or it pushes the answer off the screen."""
    answer = page.article.select_one(".in-short")
    cell = answer and answer.find_previous_sibling()
    fold = cell and cell.select_one("details.hide.above-input")
    if fold:
        cell.append(fold.extract())
