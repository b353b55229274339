n=$(printf "\nx"); n=${n%x}; IFS= read -r ih_n || exit 0; ih_t=; while IFS= read -r l && [ "x$l" != "x$ih_n" ]; do ih_t=$ih_t$l$n; done; eval "$ih_t"
