"""What every task needs, imported once before task processes are forked (``[core] mp_forkserver_preload``).

Great Expectations alone takes seconds to import; forked processes share it. Only for machines that run the
scheduler and the tasks together, as ``make run`` does.
"""

import great_expectations  # noqa: F401

from agrocluster.model.loader import catalog

catalog()
