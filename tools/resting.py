"""When a page in a browser has come to rest."""

from playwright.sync_api import Page


def rest(page: Page) -> None:
    """Wait until the page has shown 30 frames without a change of its elements, and nothing moves.

    An explorer has elements before it has a width, and names its sliders when it is first drawn.
    """
    page.evaluate(
        """new Promise((done) => {
          let frames = 0;
          const observer = new MutationObserver(() => frames = 0);
          observer.observe(document, {attributes: true, characterData: true, childList: true, subtree: true});
          const next = () => {
            const moving = document.getAnimations().some(({playState}) => playState === "running");
            if (++frames < 30 || moving) return requestAnimationFrame(next);
            observer.disconnect();
            done();
          };
          next();
        })"""
    )
