module reconcile.bed/pause

go 1.26.0
