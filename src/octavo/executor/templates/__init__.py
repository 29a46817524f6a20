"""The template language of variables, scripts and files: `#{Name | Filter}`, conditions, loops, calculations.

Pure. `parsing.py` makes a tree (`syntax.py`), `variables.py` evaluates it. Source: script-execution.md §3.5 to §3.7.
"""

from octavo.executor.templates.parsing import ParseMode
from octavo.executor.templates.truth import is_truthy_text
from octavo.executor.templates.variables import Evaluation, TemplateError, Variables

__all__ = ["Evaluation", "ParseMode", "TemplateError", "Variables", "is_truthy_text"]
