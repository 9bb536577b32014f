"""Lists the names that a configuration may use, because any other could run code or is custom."""

from __future__ import annotations

import re


def split_words(text: str) -> frozenset[str]:
    """Return the words of a text, which white space separates."""
    return frozenset(text.split())


# Classes that can run code or reach files and the network while they are opened.
UNSAFE_CLASSES = {
    "Lambda": "a Lambda layer holds Python code",
    "__lambda__": "it holds Python byte code",
    "__typespec__": "it names TensorFlow internals",
    "TypeSpec": "it names TensorFlow internals",
    "CompositeTensor": "it names TensorFlow internals",
    "TFSMLayer": "a TFSMLayer loads another SavedModel",
    "TorchModuleWrapper": "a TorchModuleWrapper unpacks a pickled Torch module",
    "JaxLayer": "a JaxLayer holds a JAX function",
    "FlaxLayer": "a FlaxLayer holds a Flax module",
    "TFOpLambda": "a TFOpLambda of Keras 2 names TensorFlow functions",
    "SlicingOpLambda": "a SlicingOpLambda of Keras 2 names TensorFlow functions",
}
SERIALIZED_VALUES = {
    "__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__", "__tuple__",
    "__bytes__", "TensorShape", "SavedModel",
}  # fmt: skip
TYPED_VALUES = {"__numpy__", "__tensor__"}
DTYPES = split_words(
    """
    bool int4 int8 int16 int32 int64 uint4 uint8 uint16 uint32 uint64 float16 float32 float64
    bfloat16 float8_e4m3fn float8_e5m2 complex64 complex128 string object
    """
)
MODELS = {"Model", "Sequential", "Functional"}
# Every layer of Keras 3.15 that holds no code; a test compares the list with the installed Keras.
LAYERS = split_words(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
    Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D
    Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D
    Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D
    DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Equalization Flatten
    GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D
    GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity InputLayer InputSpec
    IntegerLookup LSTM LSTMCell Layer LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes
    MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram
    Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline
    RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
    RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip
    RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
    RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing
    ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup
    Subtract TextVectorization TimeDistributed UnitNormalization UpSampling1D UpSampling2D
    UpSampling3D Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """
)
# Initializers, regularizers and the like, which older files write without their module.
SMALL_OBJECTS = split_words(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform
    Ones Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros L1 L1L2 L2
    OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm DTypePolicy Policy DTypePolicyMap
    """
)
# Keras functions that Keras writes by their bare name, as it writes the user's functions.
ACTIVATIONS = split_words(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
    leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink
    softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh
    tanh_shrink threshold
    """
)
# Functions of TensorFlow and of keras.ops that Keras writes by the bare name of their code and
# cannot find again; a test compares them with the installed packages. The first three names belong
# to TensorFlow alone; a user may have functions of the other names.
BARE_NN_FUNCTIONS = {
    "softmax_v2": "tensorflow.nn.softmax",
    "log_softmax_v2": "tensorflow.nn.log_softmax",
    "crelu_v2": "tensorflow.nn.crelu",
}
BARE_MATH_FUNCTIONS = {
    "swish": "tensorflow.nn.silu", "l2_normalize": "tensorflow.nn.l2_normalize",
    "neg": "tensorflow.math.negative",
    **{name: f"tensorflow.math.{name}" for name in split_words(
        """
        abs acos acosh angle asin asinh atan atanh bessel_i0 bessel_i0e bessel_i1 bessel_i1e ceil
        conj cos cosh cumprod cumsum cumulative_logsumexp digamma erf erfc erfcinv erfinv exp expm1
        floor imag lgamma log log1p ndtri real reciprocal reciprocal_no_nan rint round rsqrt sign
        sin sinh sqrt square tan
        """
    )},
    **{name: f"keras.ops.{name}" for name in split_words(
        """
        absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt conjugate deg2rad exp2 fabs i0
        layer_normalization log10 log2 nan_to_num negative normalize rad2deg rms_normalization sinc
        trunc
        """
    )},
}  # fmt: skip
# Layers of keras.applications, which a .h5 file names without their module.
APPLICATION_LAYERS = {
    "LayerScale": "keras.src.applications.convnext.LayerScale",
    "StochasticDepth": "keras.src.applications.convnext.StochasticDepth",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2.CustomScaleLayer",
}
GETTERS = {"get", "serialize", "deserialize", "custom_gradient"}  # these resolve names or run code
FUNCTION_MODULES = {"keras.activations", "keras.ops", "keras.losses", "keras.metrics"}
_CLASSES_BY_MODULE = {
    "keras": MODELS | {"Layer", "DTypePolicy", "FloatDTypePolicy", "InputSpec"},
    "keras.models": MODELS,
    "keras.layers": LAYERS,
    "keras.random": {"SeedGenerator"},
    "keras.utils": {"FeatureSpace"},
    "keras.src.models.functional": {"Functional"},
    "keras.src.models.sequential": {"Sequential"},
    "keras.src.models.model": {"Model"},
    "keras.src.applications.convnext": {"LayerScale", "StochasticDepth"},
    "keras.src.applications.inception_resnet_v2": {"CustomScaleLayer"},
}
_CLASS_MODULES = {
    "keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies",
    "keras.quantizers", "keras.optimizers", "keras.losses", "keras.metrics",
    "keras.src.layers.preprocessing.feature_space",
}  # fmt: skip
_OPERATION = re.compile(r"keras\.src\.ops\.[a-z_]+")
_CLASS = re.compile(r"[A-Z]\w*")


def is_keras_class(name: str, module: str | None) -> bool:
    """Return whether a class is a Keras class that only computes; `module` is None if unwritten."""
    if module is None:
        return name in LAYERS | MODELS | SMALL_OBJECTS
    if module in _CLASSES_BY_MODULE:
        return name in _CLASSES_BY_MODULE[module]
    return _CLASS.fullmatch(name) is not None and (
        module in _CLASS_MODULES or _OPERATION.fullmatch(module) is not None
    )


def is_keras_function(name: str, module: str) -> bool:
    """Return whether a function is a Keras function that only computes."""
    if module == "builtins":
        return name in ACTIVATIONS or name in BARE_NN_FUNCTIONS or name in BARE_MATH_FUNCTIONS
    return module in FUNCTION_MODULES and name.isidentifier() and name not in GETTERS
