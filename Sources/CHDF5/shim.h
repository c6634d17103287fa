#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H

#include <hdf5.h>

// Swift imports neither macros that call functions (most of HDF5's identifiers) nor variables behind them.

static inline hid_t h5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t h5_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t h5_int64(void) { return H5T_STD_I64LE; }
static inline hid_t h5_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t h5_c_string(void) { return H5T_C_S1; }

static inline hid_t h5_file_access_class(void) { return H5P_FILE_ACCESS; }
static inline hid_t h5_file_create_class(void) { return H5P_FILE_CREATE; }
static inline hid_t h5_group_create_class(void) { return H5P_GROUP_CREATE; }
static inline hid_t h5_dataset_create_class(void) { return H5P_DATASET_CREATE; }
static inline hid_t h5_attribute_create_class(void) { return H5P_ATTRIBUTE_CREATE; }

static inline unsigned h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline size_t h5_variable_size(void) { return H5T_VARIABLE; }

#endif
