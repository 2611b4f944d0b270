"""What the theme, MyST-NB and docutils get wrong for those who hear the page or use the keyboard."""

from .page import Page

# Roles that belong to lists and books of another structure than the one written here.
WRONG_ROLES = '[role="doc-biblioentry"], div.citation[role], div[role="list"]'


def mend(page: Page) -> None:
    """Let names be what is written, give the sidebar's parts a landmark, drop roles that do not fit."""
    for summary in page.soup.select("summary[aria-label]"):  # all "Toggle hidden content"
        del summary["aria-label"]
    for element in page.soup.select(WRONG_ROLES):
        del element["role"]
    for button in page.soup.select("button.search-button-field"):
        del button["aria-label"]  # its text says more
    for button in page.soup.select("button.sidebar-toggle"):
        button["aria-label"] = button.get("title", "Toggle the sidebar")
    sidebar = page.soup.select_one("#pst-primary-sidebar")
    if sidebar:
        sidebar["role"] = "complementary"
        sidebar["aria-label"] = "Contents of the book"
    for element in page.soup.select("#ethical-ad-placement"):
        (element.find_parent(class_="sidebar-primary-items__end") or element).decompose()
