"""Lists TensorFlow's operations by the properties that backward rules depend on."""

from inputgrad_cli.engine.adapter.graph_traversal_properties import FUNCTION_CALLS

# Every output value is a copy of one input value, or a constant.
COPYING = {
    *("Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "Transpose", "EnsureShape"),
    *("Pad", "PadV2", "MirrorPad", "Slice", "StridedSlice", "Split", "SplitV", "Unpack", "Pack"),
    *("ConcatV2", "Concat", "Reverse", "ReverseV2", "Roll", "Gather", "GatherV2", "GatherNd"),
    *("SpaceToBatchND", "BatchToSpaceND", "SpaceToDepth", "DepthToSpace", "Snapshot"),
    *("StopGradient", "PreventGradient", "CheckNumerics"),
}
# Linear in all inputs together.
LINEAR = COPYING | {
    *("Cast", "AddV2", "Add", "AddN", "Sub", "Neg", "BiasAdd", "Sum", "Mean", "Cumsum", "Tile"),
    *("BroadcastTo", "AvgPool", "AvgPool3D", "ResizeBilinear", "ResizeNearestNeighbor"),
    *("ResizeBicubic", "MatrixDiagV3", "MatrixDiagPartV3", "ScatterNd", "FFT", "RFFT", "Real"),
}
CONVOLUTIONS = {
    *("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2dNative"),
    *("Conv2DBackpropInput", "Conv3DBackpropInputV2"),
}
WEIGHTED = CONVOLUTIONS | {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
# Linear in each of two inputs.
BILINEAR = WEIGHTED | {"Mul"}
QUADRATIC = BILINEAR | {"SquaredDifference"}
LOOPS = {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"}
POOLED = {"MaxPool", "MaxPoolV2", "MaxPool3D", "Max", "Min"}
EXTREMES = POOLED | {"Maximum", "Minimum"}
HOMOGENEOUS = {"Relu", "LeakyRelu"}  # f(z) / z is the derivative
RELUS = HOMOGENEOUS | {"Relu6", "Elu", "Selu"}
SHIFTS = {"AddV2", "Add", "Sub", "BiasAdd"}
SCALES = {"Mul", "RealDiv", "Div", "DivNoNan", "Neg"}
QUOTIENTS = {"RealDiv", "Div", "DivNoNan"}
# Every output value depends only on the input values at the same position.
ELEMENTWISE = (
    RELUS
    | SHIFTS
    | SCALES
    | {
        *("Identity", "IdentityN", "StopGradient", "Cast", "AddN", "Maximum", "Minimum", "Pow"),
        *("Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Expm1", "Log", "Log1p", "Sqrt"),
        *("Rsqrt", "Square", "SquaredDifference", "Abs", "Sign", "Erf", "Erfc", "Sin", "Cos"),
        *("Tan", "Sinh", "Cosh", "Asinh", "Atan", "Reciprocal", "Inv", "Round", "Rint", "Floor"),
        *("Ceil", "ClipByValue", "Select", "SelectV2", "MulNoNan"),
    }
)
DESCRIPTIONS = {
    "Mul": "a product of two branches",
    "Einsum": "a product of two branches",
    "BatchMatMulV2": "a product of two branches",
    "MatMul": "a product of two branches",
    "RealDiv": "a quotient of two branches",
    "SquaredDifference": "a squared difference of two branches",
    "While": "a loop",
    **dict.fromkeys(FUNCTION_CALLS, "a compiled function"),
    "Softmax": "a softmax",
}
PRELU_STEPS = SCALES | {"Maximum", "Minimum", "ClipByValue", "Identity"}
