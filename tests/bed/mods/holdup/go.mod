module reconcile.bed/holdup

go 1.26.0
