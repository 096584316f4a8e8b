"""Linear algebra, as a table of contents."""

from .core.errors import LinAlgError
from .tensor.functions.factor import (
    cholesky,
    cholesky_ex,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    ldl_factor,
    ldl_factor_ex,
    ldl_solve,
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
    qr,
    svd,
    svdvals,
)
from .tensor.functions.matrix import matmul
from .tensor.functions.norms import cond, matrix_norm, norm, vector_norm
from .tensor.functions.products import (
    diagonal,
    matrix_exp,
    matrix_power,
    multi_dot,
    vander,
    vecdot,
)
from .tensor.functions.products import linalg_cross as cross
from .tensor.functions.reflections import householder_product
from .tensor.functions.solving import (
    det,
    inv,
    inv_ex,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
)
from .tensor.out import IN_NAMESPACES, accept_out

accept_out(globals(), IN_NAMESPACES)
