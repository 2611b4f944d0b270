"""Lets nbval 0.11 run a cell that ends in `;` as Jupyter does.

IPython drops the value of such a cell only where history is stored.
"""

from nbval.kernel import RunningKernel


def execute_with_history(self, cell_input, allow_stdin=None):
    return self.kc.execute(
        cell_input,
        store_history=True,
        allow_stdin=allow_stdin,
        stop_on_error=False,
    )


RunningKernel.execute_cell_input = execute_with_history
