// Stands in for the annotations of Moshi, which the generated models carry: no registry of Python or node packages has the
// library itself.
package com.squareup.moshi

annotation class Json(val name: String)

annotation class JsonClass(val generateAdapter: Boolean)
