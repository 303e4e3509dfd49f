module reconcile.bed/image

go 1.26.0
