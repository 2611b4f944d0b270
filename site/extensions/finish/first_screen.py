"""The first screen of a chapter: question, picture, the answer in short."""

from .page import Page


def show_picture(page: Page) -> None:
    """Put the fold of the first picture's code below the picture, or it pushes the answer off the screen."""
    answer = page.article.select_one(".in-short")
    cell = answer and answer.find_previous_sibling()
    fold = cell and cell.select_one("details.hide.above-input")
    if fold:
        cell.append(fold.extract())


def fold_answer(page: Page) -> None:
    """Fold the answer where the page asks for a prediction: it would tell what the reader is to guess."""
    answer = page.article.select_one("div.in-short")
    if answer is None or page.article.select_one(".predict") is None:
        return
    answer.name = "details"
    title = answer.select_one(".admonition-title")
    title.name = "summary"
    title.string = "In short: the answers to the questions below"
