"""What conda's names are called elsewhere. Written by hand, not generated from another list.

PYPI: packages whose PyPI name is another one (grayskull keeps a longer list:
https://github.com/conda/grayskull). DEBIAN: programs of conda-forge and bioconda and the Debian
packages that hold them; tests/test_system_needs.py finds them in the package lists of the suites.
CARRIED: parts of a conda
installation that PyPI's wheels carry inside themselves or that the base image has; they are left
out, with one note. OTHER_SYSTEMS: what an environment written down on Windows or macOS names and
Linux has no use for. NOT_ON_PYPI: what to do instead.
"""

from __future__ import annotations

import re

PYPI = {
    "antlr-python-runtime": "antlr4-python3-runtime", "astropy-base": "astropy",
    "dask-core": "dask", "faiss": "faiss-cpu", "geopandas-base": "geopandas",
    "keras-gpu": "keras", "libopencv": "opencv-python-headless", "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack", "opencv": "opencv-python-headless", "pillow-simd": "pillow",
    "plotly_express": "plotly", "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost", "py-xgboost-cpu": "xgboost", "pyg": "torch-geometric",
    "pyqt": "pyqt5", "pytables": "tables", "python-graphviz": "graphviz",
    "python-igraph": "igraph", "python-kaleido": "kaleido", "python-levenshtein": "levenshtein",
    "python-lmdb": "lmdb", "python-xxhash": "xxhash", "pytorch": "torch", "pytorch-cpu": "torch",
    "pytorch-gpu": "torch", "pytorch_geometric": "torch-geometric", "seaborn-base": "seaborn",
    "snakemake-minimal": "snakemake",
    "tensorflow-base": "tensorflow", "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow", "tensorflow-mkl": "tensorflow", "umap": "umap-learn",
}  # fmt: skip

DEBIAN = {
    "autoconf": ("autoconf",), "automake": ("automake",), "bcftools": ("bcftools",),
    "bedtools": ("bedtools",), "binutils": ("binutils",), "blast": ("ncbi-blast+",),
    "bowtie2": ("bowtie2",), "bwa": ("bwa",), "c-compiler": ("gcc",),
    "clustalo": ("clustalo",), "clustalw": ("clustalw",), "cmake": ("cmake",),
    "compilers": ("gcc", "g++", "gfortran"), "coreutils": ("coreutils",), "curl": ("curl",),
    "cutadapt": ("cutadapt",), "cxx-compiler": ("g++",), "fasttree": ("fasttree",),
    "fastqc": ("fastqc",), "fastp": ("fastp",), "ffmpeg": ("ffmpeg",),
    "fortran-compiler": ("gfortran",), "gawk": ("gawk",), "gcc": ("gcc",),
    "gcc_linux-64": ("gcc",), "gfortran": ("gfortran",), "gfortran_linux-64": ("gfortran",),
    "ghostscript": ("ghostscript",), "git": ("git",), "gnuplot": ("gnuplot-nox",),
    "graphviz": ("graphviz",), "gsl": ("libgsl-dev",), "gxx": ("g++",),
    "gxx_linux-64": ("g++",), "hdf5": ("hdf5-tools",), "hisat2": ("hisat2",),
    "hmmer": ("hmmer",), "imagemagick": ("imagemagick",), "iqtree": ("iqtree",),
    "jq": ("jq",), "mafft": ("mafft",), "make": ("make",), "mpich": ("mpich",),
    "mummer4": ("mummer",), "muscle": ("muscle",), "nco": ("nco",), "cdo": ("cdo",),
    "ninja": ("ninja-build",), "nodejs": ("nodejs",), "openmpi": ("openmpi-bin",),
    "pandoc": ("pandoc",), "parallel": ("parallel",), "perl": ("perl",),
    "pkg-config": ("pkg-config",), "poppler": ("poppler-utils",), "samtools": ("samtools",),
    "seqtk": ("seqtk",), "sra-tools": ("sra-toolkit",), "swig": ("swig",),
    "tesseract": ("tesseract-ocr",), "trimmomatic": ("trimmomatic",), "unzip": ("unzip",),
    "vcftools": ("vcftools",), "wget": ("wget",), "zip": ("zip",), "rsync": ("rsync",),
    "ant": ("ant",), "bamtools": ("bamtools",), "beast": ("beast-mcmc",),
    "bioawk": ("bioawk",), "boost": ("libboost-all-dev",), "boost-cpp": ("libboost-all-dev",),
    "bowtie": ("bowtie",), "canu": ("canu",), "cargo": ("cargo",), "cd-hit": ("cd-hit",),
    "centrifuge": ("centrifuge",), "coin-or-cbc": ("coinor-cbc",), "coincbc": ("coinor-cbc",),
    "diamond": ("diamond-aligner",), "doxygen": ("doxygen",), "eigen": ("libeigen3-dev",),
    "emboss": ("emboss",), "entrez-direct": ("ncbi-entrez-direct",), "fastani": ("fastani",),
    "flye": ("flye",), "freebayes": ("freebayes",), "git-lfs": ("git-lfs",),
    "glpk": ("glpk-utils",), "gmt": ("gmt",), "go": ("golang",), "gromacs": ("gromacs",),
    "htslib": ("tabix",), "infernal": ("infernal",), "kallisto": ("kallisto",),
    "kraken2": ("kraken2",), "lammps": ("lammps",), "m4": ("m4",), "mash": ("mash",),
    "maven": ("maven",), "megahit": ("megahit",), "minimap2": ("minimap2",),
    "minizinc": ("minizinc",), "mrbayes": ("mrbayes",), "netcdf-fortran": ("libnetcdff-dev",),
    "octave": ("octave",), "p7zip": ("p7zip-full",), "patch": ("patch",),
    "phyml": ("phyml",), "picard": ("picard-tools",), "pigz": ("pigz",), "pilon": ("pilon",),
    "plink": ("plink1.9",), "plink2": ("plink2",), "prodigal": ("prodigal",),
    "prokka": ("prokka",), "pymol-open-source": ("pymol",), "racon": ("racon",),
    "raxml": ("raxml",), "rust": ("rustc", "cargo"), "salmon": ("salmon",),
    "sambamba": ("sambamba",), "seqkit": ("seqkit",), "sortmerna": ("sortmerna",),
    "spades": ("spades",), "star": ("rna-star",), "stringtie": ("stringtie",),
    "subread": ("subread",), "swi-prolog": ("swi-prolog-nox",), "texlive-core": ("texlive",),
    "tabix": ("tabix",), "tree": ("tree",), "trim-galore": ("trim-galore",),
    "vsearch": ("vsearch",), "sed": ("sed",), "grep": ("grep",), "tar": ("tar",),
}  # fmt: skip

CARRIED = frozenset(
    {
        "_libgcc_mutex", "_openmp_mutex", "_py-xgboost-mutex", "_tflow_select", "anaconda",
        "blas", "bzip2", "ca-certificates", "conda", "cudatoolkit", "cudnn", "cpuonly",
        "expat", "fontconfig", "freetype", "icu", "intel-openmp", "jpeg", "krb5",
        "ld_impl_linux-64", "lcms2", "lerc", "libblas", "libcblas", "libedit", "libffi",
        "libgcc", "libgcc-ng", "libgfortran", "libgfortran-ng", "libgfortran4", "libgfortran5",
        "libgomp", "liblapack", "libllvm", "libnsl", "libopenblas", "libpng", "libsodium",
        "libsqlite", "libstdcxx", "libstdcxx-ng", "libtiff", "libuuid", "libwebp",
        "libwebp-base", "libxcb", "libxml2", "libzlib", "lz4-c", "mkl", "mkl-service",
        "mkl_fft", "mkl_random", "ncurses", "nomkl", "openblas", "openssl", "pip",
        "pytorch-cuda", "pytorch-mutex", "python_abi", "readline", "setuptools", "sqlite", "tk",
        "tzdata", "wheel", "xz", "yaml", "zeromq", "zlib", "zstd", "llvm-openmp", "libtorch",
        "cuda", "cuda-toolkit", "cuda-runtime", "nccl", "libdeflate", "openjpeg", "qt",
        "qt-main", "xorg-libxau", "xorg-libxdmcp", "pthread-stubs", "libbrotlicommon",
        "libbrotlidec", "libbrotlienc", "libgcc-devel_linux-64",
        "libiconv", "libprotobuf", "snappy", "giflib", "glib",
        "dbus", "gstreamer", "gst-plugins-base", "pcre", "pcre2", "libclang", "libevent",
        "libntlm", "libpq", "libxkbcommon", "mysql-common", "mysql-libs", "nspr", "nss",
        "libnghttp2", "libssh2", "libcurl", "libev", "c-ares", "lame", "libglib",
    }
)  # fmt: skip

CONDAS_OWN = re.compile(
    r"_.*|(?:ana)?conda-.*|anaconda-navigator|navigator-updater|libarchive|libmamba.*|menuinst"
)
"""Marks and tools of conda itself: no name on PyPI begins with "_"."""

OTHER_SYSTEMS = re.compile(
    r"m2w64-.*|msys2-.*|vs20\d\d_.*|vc\d*|vc14_runtime|ucrt|pywin32.*|pywinpty|winpty|wincertstore|"
    r"win_inet_pton|win_unicode_console|menuinst|console_shortcut.*|icc_rt|appnope|libcxx|"
    r"pyobjc-.*|clang_osx-.*|clangxx_osx-.*|gfortran_osx-.*|.*_osx-(?:64|arm64)|.*_win-64"
)

NOT_ON_PYPI = {
    "cufflinks": "it is in neither PyPI nor Debian; `stringtie` does the same",
    "gdal": "name `rasterio` or `pyogrio`, whose wheels carry GDAL, or list `gdal-bin` in apt.txt",
    "libgdal": "list `gdal-bin` in apt.txt",
    "rdkit-postgresql": "use the PyPI package `rdkit`",
    "psi4": "it has no PyPI package",
    "openbabel": "use the PyPI package `openbabel-wheel`",
    "ambertools": "it has no PyPI package",
    "fenics": "list `python3-dolfin` in apt.txt",
    "fenics-dolfinx": "list `python3-dolfinx` in apt.txt",
    "graph-tool": "it has no PyPI package",
    "mayavi2": "use the PyPI package `mayavi`",
    "esmpy": "it has no wheel on PyPI",
    "cudatoolkit-dev": "reprokit has no GPU toolchains",
    "spacy-model-en_core_web_sm": "name the model's wheel by its URL under `pip:`",
}
